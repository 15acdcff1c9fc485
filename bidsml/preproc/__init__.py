"""From one person's images to cleaned regional signals."""
