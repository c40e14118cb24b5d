"""Singer tap for Bitrix24: everything a sales department's portal keeps, in keyset batches, as raw JSON
versions.
"""

import warnings

# `fs`, which tap-rest-api-msdk needs, still asks for pkg_resources; setuptools is pinned for it.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
