"""Keys of the tf.Examples of images, as TensorFlow's Model Garden names them."""

ENCODED = "image/encoded"
FORMAT = "image/format"
HEIGHT = "image/height"
WIDTH = "image/width"
CHANNELS = "image/channels"
CLASS = "image/class/text"
DOMAIN = "image/class/domain"
SOURCE_ID = "image/source_id"

# Those of TensorFlow's detection API. Edges are float32 in 0..1 of the picture as a person sees it, with EXIF applied.
FILENAME = "image/filename"
YMIN, XMIN, YMAX, XMAX = (f"image/object/bbox/{edge}" for edge in ("ymin", "xmin", "ymax", "xmax"))
OBJECT_CLASS = "image/object/class/text"
OBJECT_LABEL = "image/object/class/label"
IS_CROWD = "image/object/is_crowd"
DIFFICULT = "image/object/difficult"
STRANGER = "image/object/stranger"  # ours: 1 for an object whose class is on another side of the image set
