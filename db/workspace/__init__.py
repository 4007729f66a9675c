"""The folder a user works in: settings, roots of images and their mirrors, secrets kept out of sight."""
