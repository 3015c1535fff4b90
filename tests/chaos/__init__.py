"""Workers and brokers that are killed, frozen and cut off at random, and what must be the same all the same.

shop.yml, shop            the configuration, and facts as the enricher writes them
stories, carts, history   the input, made from a seed
worker, team, faults      the processes, and what happens to them
log, outcome              what is written, and what there is in the end
memory                    the folds alone: what any correct run comes to
round, __main__           one run beside an undisturbed one; `make chaos`
"""
