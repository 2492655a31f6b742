"""`--also PROFILE=PATH`: further outputs of one rendering, each with the delivery and the target of its own."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.render.job import Job

if TYPE_CHECKING:
    from lumaflux.media.output_profiles import OutputProfile


def also_jobs(job: Job, target: Path) -> list[tuple[Path, Job]]:
    """The targets beside ``target`` and what is asked of each: rates, HDR10+ and a video's color space stay the first
    one's.

    Raises UserError for an entry that is not PROFILE=PATH, a profile that is not there or does not fit its path, and
    for two outputs of one name.
    """
    from lumaflux.media.output_profiles import output_profile
    from lumaflux.media.standard_streams import STANDARD

    found: list[tuple[Path, Job]] = []
    taken = {target.resolve()}
    for entry in job.also:
        profile, equals, name = entry.partition("=")
        if not (profile and equals and name):
            raise UserError(f"--also is '{entry}'; write PROFILE=PATH, as in sdr=proxy.mp4")
        path = Path(name)
        if path == STANDARD:
            raise UserError("standard output (-) takes the first output; name a file with --also")
        made: OutputProfile
        profile, made = output_profile(profile, path)
        if path.resolve() in taken:
            raise UserError(f"{path} is asked for twice; give every output a name of its own")
        taken.add(path.resolve())
        own = replace(job, deliver=profile, also=(), hdr10plus=None, hdr10plus_profile="a")
        own = replace(own, crf=None, encoder_preset=None)
        if made.picture is None or profile == "sdr-png" or made.picture.is_delivered:
            own = replace(own, **({"output_space": None} if own.input_space else {"output_space": None, "ocio": None}))
        found.append((path, own))
    return found


def refuse_also(job: Job, why: str) -> None:
    """Raises UserError where one output alone is made."""
    if job.also:
        raise UserError(f"--also goes with a clip, a sequence or one picture; leave it out {why}")
