package console

// backtestStore is what these pages ask the store.
type backtestStore interface{}

func (s *Server) backtestRoutes() {}

// Backtester plays stored history through detection with other settings.
type Backtester interface{}
