"""python -m tajo"""

from tajo.cli import main

main()
