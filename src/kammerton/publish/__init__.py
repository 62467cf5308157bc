"""What others hear: topics, payloads, and the relay from the outbox to an MQTT broker."""

from kammerton.publish.alarms import Alarms
from kammerton.publish.connection import Connect, Connection, Message, Will
from kammerton.publish.mqtt import connect
from kammerton.publish.relay import Relay
from kammerton.publish.topics import Topics

__all__ = ["Alarms", "Connect", "Connection", "Message", "Relay", "Topics", "Will", "connect"]
