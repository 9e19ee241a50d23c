package console

// tokenStore is what these pages ask the store.
type tokenStore interface{}

func (s *Server) tokenRoutes() {}

// Explainer puts a token's stored profile into words.
type Explainer interface{}
