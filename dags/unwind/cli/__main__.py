"""`python -m unwind.cli`, as the recorder's service is started."""

import logging
import sys

from unwind.cli import main
from unwind.cli.terminal import print_error
from unwind.errors import SettingError
from unwind.settings import settings

try:
    logging.basicConfig(level=settings().log_level("WARNING"))
except SettingError as error:
    print_error(str(error))
    sys.exit(error.exit_code)
main()
