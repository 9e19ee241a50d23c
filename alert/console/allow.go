package console

// allowStore is what these pages ask the store.
type allowStore interface{}

func (s *Server) allowRoutes() {}
