package console

// incidentsStore is what these pages ask the store.
type incidentsStore interface{}

func (s *Server) incidentsRoutes() {}
