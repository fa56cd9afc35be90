/* plugin_image.h: the least ELF file that has a plugin's note: for tests of what reads notes without loading. */
#ifndef PLUGIN_IMAGE_H
#define PLUGIN_IMAGE_H

#include <elf.h>
#include <stdio.h>

#include <entrepot/plugin.h>

/* One ELF header, one program header, one note: the least that is read. */
struct plugin_image {
	Elf64_Ehdr head;
	Elf64_Phdr segments[1];
	struct ep_elf_note note;
};

static inline struct plugin_image plugin_image_make(
	const char *name, const char *version, uint32_t kind, uint32_t flags)
{
	struct plugin_image image = {
		.head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_DYN,
			.e_phoff = offsetof(struct plugin_image, segments),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1},
		.segments = {{.p_type = PT_NOTE,
			.p_offset = offsetof(struct plugin_image, note),
			.p_filesz = sizeof(struct ep_elf_note),
			.p_align = 4}},
		.note = {sizeof(EP_NOTE_OWNER), sizeof(struct ep_note), EP_NOTE_TYPE, EP_NOTE_OWNER,
			{sizeof(struct ep_note), EP_ABI_MAJOR, EP_ABI_MINOR, kind, flags, "", "", "x-topic x-shop"}},
	};

	snprintf(image.note.desc.name, sizeof(image.note.desc.name), "%s", name);
	snprintf(image.note.desc.version, sizeof(image.note.desc.version), "%s", version);
#if defined(__x86_64__)
	image.head.e_machine = EM_X86_64;
#else
	image.head.e_machine = EM_AARCH64;
#endif
	return image;
}

#endif
