package detect

// queue holds profiles in the order of their last use, as a ring of links that live in
// the profiles themselves: moving one costs no memory.
type queue struct {
	newest, oldest *profile
	len            int
}

func (q *queue) push(p *profile) {
	p.queue, p.older, p.newer = q, q.newest, nil
	if q.newest != nil {
		q.newest.newer = p
	} else {
		q.oldest = p
	}
	q.newest = p
	q.len++
}

func (q *queue) remove(p *profile) {
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		q.newest = p.older
	}
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		q.oldest = p.newer
	}
	p.queue, p.older, p.newer = nil, nil, nil
	q.len--
}

// use moves a profile to the front of the queue for its age.
func (e *Engine) use(p *profile) {
	if p.queue != nil {
		p.queue.remove(p)
	}
	if p.days <= 1 {
		e.young.push(p)
	} else {
		e.grown.push(p)
	}
}

// evict drops one profile. Whoever invents tokens makes young ones, so these go first
// as long as they are more than a quarter of all: a flood of made-up tokens cannot push
// out what was learnt over weeks.
func (e *Engine) evict() {
	victim := e.grown.oldest
	if victim == nil || e.young.len*4 > e.cfg.MaxTokens {
		victim = e.young.oldest
	}
	victim.queue.remove(victim)
	delete(e.profiles, victim.token)
	e.evicted++
}
