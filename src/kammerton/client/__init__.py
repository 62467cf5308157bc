"""For notebooks and other programs: read a computer's database, or follow its broker."""

from kammerton.client.follower import Follower, Update
from kammerton.client.measuring import Measured
from kammerton.client.notebook import Client
from kammerton.client.subscriber import Subscriber
from kammerton.client.why import Why

__all__ = ["Client", "Follower", "Measured", "Subscriber", "Update", "Why"]
