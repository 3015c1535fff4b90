"""Where log lines go: to standard error, one line each; libraries only speak up when something is wrong."""

import logging
import sys

import structlog

_LIBRARIES = {
    "aiokafka": logging.CRITICAL,
    "faust": logging.ERROR,
    "mode": logging.ERROR,
    "streams.engine_transport": logging.ERROR,
    "httpx": logging.WARNING,
}


def configure(level: int = logging.INFO) -> None:
    """Once per process. aiokafka tells transient states (no leader yet, coordinator moves) as errors and retries them:

    what it cannot cure reaches us as an exception, and is told there.
    """
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for name, least in _LIBRARIES.items():
        logging.getLogger(name).setLevel(least)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
