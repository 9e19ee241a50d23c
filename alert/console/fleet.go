package console

// fleetStore is what these pages ask the store.
type fleetStore interface{}

func (s *Server) fleetRoutes() {}
