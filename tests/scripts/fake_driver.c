/* A library of the driver's name without a driver: what a machine looks like whose driver is broken. */
int repro_fake_driver(void) { return 0; }
