"""The inference process of the panel: that of a live session, which performs the panel's tasks too."""

from melodylc.live import inference
from melodylc.panel.tasks import perform

if __name__ == "__main__":
    inference.main(perform)
