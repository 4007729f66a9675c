"""Commands that look after things: doctor, check, backup, demo."""
