"""Executor of ImageExampleGen."""

import json
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from absl import logging
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components.fewshot import integrity
from components.fewshot.integrity import Incomplete
from components.image_example_gen.duplicates import Duplicates, Repeats, find_duplicates
from components.image_example_gen.facts import Fact, fact_of
from components.image_example_gen.ingest import Chunk, chunks_of, fill, ingest, record_chunks
from components.image_example_gen.summary import Summary, check_unique, reject_message, summarise
from components.image_example_gen.tally import Tally
from data.listing import Listed, listing_fingerprint, listing_of, remember_sides
from data.settings import ImageSetSettings
from data.sources.folders import ImageFile, Rejected
from data.sources.image_sets import ImageSet
from data.sources.records import check_domains, record_listing
from data.sources.splits import SPLITS, check_disjoint, some
from data.spans import labels_in

SUMMARY = "summary.json"
REJECTED = "rejected.json"
DUPLICATES = "duplicates.json"
WORK = "work"  # of files that are removed at the end


class Told(NamedTuple):
    """What the listing told, but for the images: what it set aside and passed over, the labels of the spans that the images came
    in, and its fingerprint."""

    rejected: list[Rejected]
    passed_over: dict[str, int]
    spans: list[str]
    fingerprint: str


class Given(NamedTuple):
    """What a chunk was given: so many files, or a TFRecord file."""

    files: int
    records: str


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads image sets and writes tf.Examples, a summary, and lists of the files that were set aside and of the duplicates.

    In TFX's own base class of ExampleGens, the Beam runner decides how many files are written and in which order. Here each
    chunk of the sorted listing becomes one file, so that the same images give the same bytes with any number of workers.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads every image, checks it, and writes it or sets it aside.

        Args:
          input_dict: empty.
          output_dict: `examples` (Examples): `Split-{train,val,test}/data_tfrecord-*.gz`, summary.json, rejected.json,
            duplicates.json.
          exec_properties: `settings` as JSON (ImageSetSettings).

        Raises:
          ValueError: a class is in two splits or has several domains, there are no classes, or more than
            `max_reject_fraction` of the files are bad. TFX then removes the output; the list of bad files is `rejected.json`
            in the folder of the component.
          Incomplete: what became of some images is not known.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        settings = ImageSetSettings.model_validate_json(exec_properties["settings"])
        given, told = _listed(settings, examples.uri)
        tally, suspects = self._ingest(settings, examples.uri, given)
        check_disjoint({split: tally.images[split] for split in SPLITS})
        check_domains((*named, path) for named, path in tally.named.items())
        check_unique(suspects)
        found = find_duplicates(suspects, apart=bool(settings.sides))
        _report(examples.uri, tally, found, told, settings.max_reject_fraction)
        _describe(examples, told.spans)
        integrity.seal(*integrity.places(output_dict))

    def _ingest(self, settings: ImageSetSettings, uri: str, given: Sequence[Given]) -> tuple[Tally, list[Fact]]:
        """Ingests all chunks; returns the tally of all facts, and those that may have something in common with another.

        The facts come back in files, because a Beam pipeline returns no values, and those of one chunk are read at a time.
        """
        work = posixpath.join(uri, WORK)
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Chunks" >> beam.Create(range(len(given)))
                | "Spread" >> beam.Reshuffle()
                | "Ingest" >> beam.ParDo(_Ingest(settings.model_dump_json(), uri, work))
            )
        tally, repeats = Tally(), Repeats()
        for fact in _facts(given, work):
            tally.add(fact)
            repeats.add(fact)
        suspects = repeats.among(_facts(given, work))
        fileio.rmtree(work)
        fill(uri)
        return tally, suspects


class _Ingest(beam.DoFn):
    """Ingests the chunk with a given number and writes its facts to a file."""

    def __init__(self, settings: str, uri: str, work: str) -> None:
        self._settings = settings
        self._uri = uri
        self._work = work

    def process(self, element: int) -> Iterable[None]:
        chunk = _read_chunk(self._work, element)
        facts = ingest(chunk, ImageSetSettings.model_validate_json(self._settings), self._uri)
        _write_json(_facts_file(self._work, element), facts, indent=None)
        return ()


def _listed(settings: ImageSetSettings, uri: str) -> tuple[list[Given], Told]:
    """Lists the images and writes the chunks to files, because runners limit the size of a pipeline and of the values in it.

    Returns:
      What each chunk was given, by number, and what else the listing told: the names of all images are not kept.
    """
    if settings.way_named == "records":
        listed: Listed = ImageSet(record_listing(settings), [], {})
        chunks = record_chunks(settings)
    else:
        listed = listing_of(settings)
        chunks = chunks_of(listed.splits)
    remember_sides(settings, listed)
    for folder in (WORK, *(f"Split-{split}" for split in SPLITS)):
        fileio.makedirs(posixpath.join(uri, folder))
    for chunk in chunks:
        _write_json(_chunk_file(posixpath.join(uri, WORK), chunk.number), chunk, indent=None)
    given = {chunk.number: Given(len(chunk.files), chunk.records) for chunk in chunks}
    spans = labels_in((file.source_id for files in listed.splits.values() for file in files), settings.images)
    told = Told(listed.rejected, listed.passed_over, spans, listing_fingerprint(listed.splits))
    return [given[number] for number in range(len(given))], told


def _report(uri: str, tally: Tally, found: Duplicates, told: Told, limit: float) -> None:
    """Writes summary.json, rejected.json and duplicates.json; raises ValueError if more than `limit` of the files are bad."""
    bad = [*told.rejected, *tally.rejected]
    rejected = [one._asdict() for one in sorted(bad)]
    total = tally.facts + len(told.rejected)
    objects = [one._asdict() for one in sorted(tally.unfit)]  # of images that are read
    # TFX removes the output of a failed run.
    lasting = posixpath.join(posixpath.dirname(posixpath.dirname(uri)), REJECTED)
    if message := reject_message(rejected, total, limit, lasting):
        _write_json(lasting, rejected)
        raise ValueError(message)
    summary = summarise(tally, found, len(rejected), told.passed_over, told.fingerprint)
    _write_json(posixpath.join(uri, REJECTED), [*rejected, *objects])
    _write_json(posixpath.join(uri, DUPLICATES), found.pictures)
    _write_json(posixpath.join(uri, SUMMARY), summary)
    if rejected:
        logging.warning("%d of %d files were set aside: see %s", len(rejected), total, posixpath.join(uri, REJECTED))
    if objects:
        logging.warning("%d objects were set aside: see %s", len(objects), posixpath.join(uri, REJECTED))
    _warn(summary, posixpath.join(uri, DUPLICATES))


def _warn(summary: Summary, list_file: str) -> None:
    """Logs what is unusual about the images that were read."""
    counts = summary["duplicates"]
    if summary["passed_over"]:
        form = "%d file(s) in %d place(s) were passed over, because no class or only litter is there: see summary.json"
        logging.warning(form, sum(summary["passed_over"].values()), len(summary["passed_over"]))
    for names in summary["differ_by_case"]:
        logging.warning("the classes %s differ by case only", some(names))
    if summary["leaks"]:
        one, other = summary["leaks"][0]
        form = "%d image(s) are in more than one split, such as %r and %r: accuracy will be too high"
        logging.warning(form, counts["across_splits"], one, other)
    if counts["within_class"] or counts["across_classes"]:
        form = (
            "%d file(s) repeat a picture of their class, and %d show a picture that is in several classes of their split:"
            " they are in no episode; see %s"
        )
        logging.warning(form, counts["within_class"], counts["across_classes"], list_file)


def _describe(examples: types.Artifact, spans: Sequence[str]) -> None:
    """Sets the properties that readers of Examples artifacts need, and the labels of the spans that the images came in."""
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    examples.set_string_custom_property("spans", json.dumps(spans))


def _chunk_file(work: str, number: int) -> str:
    return posixpath.join(work, f"chunk-{number}.json")


def _facts_file(work: str, number: int) -> str:
    return posixpath.join(work, f"facts-{number}.json")


def _read_chunk(work: str, number: int) -> Chunk:
    with fileio.open(_chunk_file(work, number), "r") as file:
        number, total, split, files, *records = json.load(file)
    return Chunk(number, total, split, tuple(ImageFile(*one) for one in files), *records)


def _facts(given: Sequence[Given], work: str) -> Iterator[Fact]:
    """Yields the facts about all images, by chunk: each was read or set aside. Those of records are counted as they are read.

    Raises:
      Incomplete: there are more or fewer than files.
    """
    for number, chunk in enumerate(given):
        found = _read_facts(work, number) if fileio.exists(_facts_file(work, number)) else None
        if found is None or (chunk.files and len(found) != chunk.files):
            listed = f"{chunk.files:,} files" if chunk.files else chunk.records
            raise Incomplete(
                f"chunk {number} of {len(given)} ({listed}): {len(found or ()):,} images were read or set aside"
            )
        yield from found


def _read_facts(work: str, number: int) -> list[Fact]:
    with fileio.open(_facts_file(work, number), "r") as file:
        return [fact_of(fields) for fields in json.load(file)]


def _write_json(path: str, value: object, indent: int | None = 1) -> None:
    """Writes to another name and then renames, so that a reader finds the whole file or none."""
    with fileio.open(f"{path}.unfinished", "w") as file:
        file.write(json.dumps(value, indent=indent, ensure_ascii=False) + "\n")
    fileio.rename(f"{path}.unfinished", path, overwrite=True)
