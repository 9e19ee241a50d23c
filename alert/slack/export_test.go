package slack

// What tests look at beyond the exported surface.
var (
	Escape = escape
	Render = render
)
