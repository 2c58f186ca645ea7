"""What a queue promises, it promises on every kind of Redis: the queue's own tests again, on each."""

from tests.integration.broker.test_limits import *  # noqa: F403 - collected anew with this folder's `bench`
from tests.integration.broker.test_queue import *  # noqa: F403 - collected anew with this folder's `bench`
from tests.integration.broker.test_unique import *  # noqa: F403 - collected anew with this folder's `bench`
