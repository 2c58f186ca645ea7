"""A stand-in for the Google Sheets API. See `libs.simulators.google_sheets.simulator`."""

from libs.simulators.google_sheets.simulator import (
    REAL_LIMITS,
    GoogleSheetsSimulator,
    Limits,
    running_google_sheets,
)

__all__ = ["REAL_LIMITS", "GoogleSheetsSimulator", "Limits", "running_google_sheets"]
