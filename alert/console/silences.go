package console

// silencesStore is what these pages ask the store.
type silencesStore interface{}

func (s *Server) silencesRoutes() {}
