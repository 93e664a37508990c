from kdray.notebook import launch as launch
from kdray.notebook import load as load
from kdray.notebook import validate as validate

__version__: str
