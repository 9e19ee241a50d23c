package discord

// Escape is what tests look at beyond the exported surface.
var Escape = escape
