"""`python -m tajo.kafka`: makes Kafka's jars and an archive of its classes present. `make` calls it."""

import sys

from tajo.errors import TajoError, exit_code
from tajo.kafka.first_start import ensure_archive
from tajo.kafka.jars import cache_folder, ensure_jars, is_complete, kafka_version
from tajo.kafka.java import find_java


def main() -> int:
    try:
        java = find_java()
        known = is_complete(cache_folder())
        folder = ensure_jars()
    except TajoError as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    slow = (
        "" if ensure_archive(java, folder) else "; its classes could not be archived, so that it starts at half speed"
    )
    jars = f"jars {'are' if known else 'now lie'} in {folder}"
    print(f"Kafka {kafka_version()}: {jars}; Java {java.major} from {java.origin}{slow}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
