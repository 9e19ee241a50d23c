package console

// incidentStore is what these pages ask the store.
type incidentStore interface{}

func (s *Server) incidentRoutes() {}
