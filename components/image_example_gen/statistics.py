"""StatisticsGen, set up for image examples."""

from tfx.components import StatisticsGen  # tfx first: it registers what TFDV's import needs  # isort: skip
from tensorflow_data_validation import StatsOptions
from tfx.types import BaseChannel

from data.keys import CHANNELS, CLASS, DOMAIN, FORMAT, HEIGHT, WIDTH


def image_statistics(examples: BaseChannel) -> StatisticsGen:
    """Returns StatisticsGen over all features except image bytes and source ids, whose statistics are slow and useless."""
    options = StatsOptions(feature_allowlist=[FORMAT, HEIGHT, WIDTH, CHANNELS, CLASS, DOMAIN])
    return StatisticsGen(examples=examples, stats_options=options)
