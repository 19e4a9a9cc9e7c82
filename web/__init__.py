"""The page that the server shows at /: plain HTML, CSS and ES modules, no build step."""
