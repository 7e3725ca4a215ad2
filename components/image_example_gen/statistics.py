"""What StatisticsGen counts of image examples."""

from tfx.components import StatisticsGen  # tfx first: it registers what TFDV's import needs  # isort: skip
from tensorflow_data_validation import StatsOptions
from tfx.types import BaseChannel

from data.sources.records import CHANNELS, CLASS, DOMAIN, FORMAT, HEIGHT, WIDTH


def image_statistics(examples: BaseChannel) -> StatisticsGen:
    """StatisticsGen over all features but the image bytes and source ids, which take long and say nothing."""
    options = StatsOptions(feature_allowlist=[FORMAT, HEIGHT, WIDTH, CHANNELS, CLASS, DOMAIN])
    return StatisticsGen(examples=examples, stats_options=options)
