// What every page has: nothing in it is needed to read one.
"use strict";
