"""FiftyOne and Label Studio; the only package that imports fiftyone or label_studio_sdk."""
