/*
 * Memory of the whole process.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/*
 * After starting or reading the configuration anew, which run code that is not run again soon:
 * YAML, certificates, the check of the database, the set-up of forty libraries.  What it touched is
 * given back, so that waiting costs little.  Any thread, at any time: what is needed again is read
 * from the page cache.
 */
void memory_forget_setup(void);

#endif
