"""The inference process of the panel and the bridge: that of a live session, which performs tasks too."""

from melodylc.live import inference
from melodylc.tasks.performing import perform

if __name__ == "__main__":
    inference.main(perform)
