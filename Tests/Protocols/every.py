"""All cases, in the order in which they are run."""

import announcing
import browsing
import calls
import passthrough
import proxying
import sockets

CASES = [*proxying.cases.all, *announcing.cases.all, *passthrough.cases.all, *calls.cases.all,
         *sockets.cases.all, *browsing.cases.all]
