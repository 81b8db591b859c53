#include "base/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Forget the code pages of one library; what is needed again is read from the page cache. */
static int
drop_code(struct dl_phdr_info *object, size_t size, void *page)
{
	uintptr_t mask = *(const uintptr_t *)page - 1;

	(void)size;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t from = (object->dlpi_addr + part->p_vaddr) & ~mask;

		if (part->p_type != PT_LOAD || part->p_flags != (PF_R | PF_X))
			continue;
		/* Only a hint: a page that stays costs memory, nothing else. */
		(void)madvise((void *)from,
		    object->dlpi_addr + part->p_vaddr + part->p_memsz - from, MADV_DONTNEED);
	}
	return 0;
}

void
memory_forget_setup(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	malloc_trim(0);
	dl_iterate_phdr(drop_code, &page);
}
