"""The small server process: health, ask and explain as REST over the client."""
