package console

// liveStore is what these pages ask the store.
type liveStore interface{}

func (s *Server) liveRoutes() {}
