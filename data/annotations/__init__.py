"""Readers of images with boxes: VOC XML, COCO JSON, YOLO, and TFRecords with TensorFlow's detection keys.

May import `data.sources`, `data.settings` and `data.keys`.
"""
