"""The fingerprint of the images as a component, for runs that start later and elsewhere than they are described.

Its result is never taken from a cache, and what comes after it is: by the fingerprint.
"""

from typing import TypedDict

from tfx.dsl.component.experimental.annotations import Parameter
from tfx.dsl.component.experimental.decorators import component

from data.listing import fingerprint as fingerprint_of
from data.settings import ImageSetSettings


class Listed(TypedDict):
    """The outputs."""

    fingerprint: str


@component
def ImageListing(settings: Parameter[str]) -> Listed:
    """Lists the images of an image set (`ImageSetSettings` as JSON), without reading them."""
    return {"fingerprint": fingerprint_of(ImageSetSettings.model_validate_json(settings))}
