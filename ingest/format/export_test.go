package format

// OpenExact opens a format that takes no name for another one that is alike.
func OpenExact(name string) (Format, error) {
	s, err := openStream(name, Config{}, maxWraps)
	if err == nil {
		s.alike = nil
	}
	return s, err
}
