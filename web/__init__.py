"""The page, read as package data: HTML, script and style, without a build step."""
