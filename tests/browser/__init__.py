"""The UI in a real browser, on a real server, with the model that ships."""
