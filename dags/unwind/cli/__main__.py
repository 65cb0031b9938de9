"""`python -m unwind.cli`, as the recorder's service is started."""

import logging

from unwind.cli import main
from unwind.settings import settings

logging.basicConfig(level=settings().log_level("WARNING"))
main()
