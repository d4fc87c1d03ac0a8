"""What today is compared with: the release that the served models were trained from, or the one before the newest."""

from dataclasses import dataclass

from goeswith.pins import served_release
from goeswith.profile import Profile
from goeswith.releases import Release, valid_releases


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A release; ``served`` says whether the served models were trained from it."""

    release: Release
    served: bool


def find_reference(profile: Profile) -> Reference | None:
    """Return what to compare with; None before the second release, where no model is served.

    The release of a training has its run's name and names the versions that the run had read; upkeep keeps them as long as the model lies there.
    One that may not be read any more (somebody in it was forgotten) is compared with no longer.
    """
    valid, served = valid_releases(profile), served_release(profile)
    trained = [release for release in valid if release.name == served]
    if trained:
        return Reference(release=trained[0], served=True)
    return Reference(release=valid[-2], served=False) if len(valid) > 1 else None
