package console

// systemStore is what these pages ask the store.
type systemStore interface{}

func (s *Server) systemRoutes() {}

// Vitals say how this process is.
type Vitals interface{}
