"""decide: the day's warnings, tiers and revisits, and the lists of the work date, from the run's rows and its base."""

from include.failpoint import failpoint
from include.jobs.decide_quality import decide_quality
from include.jobs.decide_revisits import decide_revisits
from include.jobs.decide_warnings import decide_warnings
from include.jobs.decide_work import decide_work
from include.jobs.revisit_reads import show_run_to_staging
from include.jobs.run_rows import replace_rows
from include.settings import Settings
from include.warehouse.runs import run_job


def decide(run_id: str, settings: Settings) -> dict[str, int]:
    """Write every list of the run. Returns rows by table."""
    with run_job(settings, run_id, "decide") as job:
        if job.is_done_before:
            return {}
        show_run_to_staging(job)
        warned = decide_warnings(job)
        replace_rows(job, "warning_episode", warned.episode_frame)
        failpoint("decide:mid")
        revisits = decide_revisits(job, warned)
        job.counts = {"warning_episode": len(warned.episodes)} | revisits.counts
        job.counts |= decide_work(job, settings, warned, revisits)
        quality = decide_quality(job)
        replace_rows(job, "signal_quality", quality)
        job.counts["signal_quality"] = len(quality)
        return job.counts
