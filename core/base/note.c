/*
 * note.c: see note.h. The file is hostile until proven otherwise: every offset and length is checked against the file's
 * size before it is used, nothing is mapped, at most NOTES_BYTES_MAX are read into memory at once.
 *
 * Program headers are read, not sections: a stripped plugin has no sections left, and the loader doesn't look at them.
 */
#include "base/note.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#define PROGRAM_HEADERS_MAX 256
#define NOTES_BYTES_MAX ((uint64_t)64 * 1024)  /* of one note segment */
#define PLUGIN_BYTES_MAX ((uint64_t)256 << 20) /* of the whole file */
#define HEADERS_MAX 32                         /* header names in one note */
#define NOTE_V1_BYTES ((uint32_t)sizeof(struct ep_note))

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define MACHINE_NAME "AArch64"
#else
#error "name this machine's ELF number here"
#endif

struct file {
	const char *path;
	int fd;
	uint64_t size;
	struct error *error;
};

#define REFUSE(file, code, ...) error_set((file)->error, EP_BAD_CONFIG, code, __VA_ARGS__)

static enum ep_status open_file(struct file *file)
{
	struct stat status;

	/* O_NONBLOCK: a FIFO by that name must not hold the start up */
	do
		file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	while (file->fd == -1 && errno == EINTR);
	if (file->fd == -1) {
		error_set_errno(file->error, EP_ERR_PLUGIN_MISSING, "%s", file->path);
		return EP_BAD_CONFIG;
	}
	if (fstat(file->fd, &status) == -1 || !S_ISREG(status.st_mode))
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: not a regular file", file->path);
	file->size = (uint64_t)status.st_size;
	if (file->size > PLUGIN_BYTES_MAX)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: %llu bytes, a plugin has at most %llu", file->path,
			(unsigned long long)file->size, (unsigned long long)PLUGIN_BYTES_MAX);
	return EP_OK;
}

static enum ep_status read_at(struct file *file, uint64_t offset, void *data, uint64_t length, const char *what)
{
	uint64_t done = 0;

	if (offset > file->size || length > file->size - offset)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: truncated: %s needs bytes %llu to %llu, the file has %llu",
			file->path, what, (unsigned long long)offset, (unsigned long long)(offset + length),
			(unsigned long long)file->size);
	while (done < length) {
		ssize_t got = pread(file->fd, (char *)data + done, length - done, (off_t)(offset + done));

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1) {
			error_set_errno(file->error, EP_ERR_PLUGIN_NOTE, "%s: %s can't be read", file->path, what);
			return EP_BAD_CONFIG;
		}
		if (got == 0)
			return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: truncated while %s was read", file->path, what);
		done += (uint64_t)got;
	}
	return EP_OK;
}

static enum ep_status read_head(struct file *file, Elf64_Ehdr *head)
{
	if (file->size < EI_NIDENT)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: not an ELF file (%llu bytes)", file->path,
			(unsigned long long)file->size);
	if (read_at(file, 0, head->e_ident, EI_NIDENT, "the ELF identification") != EP_OK)
		return EP_BAD_CONFIG;
	if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: not an ELF file", file->path);
	if (head->e_ident[EI_CLASS] != ELFCLASS64)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: ELF class %u (%s), needed %u (64-bit)", file->path,
			head->e_ident[EI_CLASS], head->e_ident[EI_CLASS] == ELFCLASS32 ? "32-bit" : "unknown",
			ELFCLASS64);
	if (head->e_ident[EI_DATA] != ELFDATA2LSB)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: ELF byte order %u, needed %u (little endian)", file->path,
			head->e_ident[EI_DATA], ELFDATA2LSB);
	if (read_at(file, 0, head, sizeof(*head), "the ELF header") != EP_OK)
		return EP_BAD_CONFIG;
	if (head->e_machine != MACHINE)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: ELF machine %u, needed %u (%s)", file->path,
			head->e_machine, MACHINE, MACHINE_NAME);
	if (head->e_type != ET_DYN)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: ELF type %u, needed %u (a shared object)", file->path,
			head->e_type, ET_DYN);
	if (head->e_phentsize != sizeof(Elf64_Phdr))
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: program headers of %u bytes, needed %zu", file->path,
			head->e_phentsize, sizeof(Elf64_Phdr));
	if (head->e_phnum > PROGRAM_HEADERS_MAX)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: %u program headers, at most %d", file->path, head->e_phnum,
			PROGRAM_HEADERS_MAX);
	return EP_OK;
}

/* A version of the interface that isn't ours is told before anything else is looked at: other fields may have moved. */
static enum ep_status check_version(struct file *file, const struct ep_note *note, uint32_t desc_size)
{
	char name[sizeof(note->name)] = "plugin";
	size_t length = desc_size >= NOTE_V1_BYTES ? strnlen(note->name, sizeof(note->name)) : sizeof(name);
	bool known = length > 0 && length < sizeof(name);

	for (size_t i = 0; known && i < length; i++)
		known = (note->name[i] >= 'a' && note->name[i] <= 'z') || note->name[i] == '_' ||
			(note->name[i] >= '0' && note->name[i] <= '9');
	if (known)
		memcpy(name, note->name, length + 1);
	if (note->abi_major != EP_ABI_MAJOR)
		return REFUSE(file, EP_ERR_PLUGIN_ABI,
			"%s: %s: abi_major is %u (built for interface %u.%u), this gateway has interface %u.%u",
			file->path, name, note->abi_major, note->abi_major, note->abi_minor, EP_ABI_MAJOR,
			EP_ABI_MINOR);
	if (note->abi_minor > EP_ABI_MINOR)
		return REFUSE(file, EP_ERR_PLUGIN_ABI,
			"%s: %s: abi_minor is %u (built for interface %u.%u), this gateway has interface %u.%u",
			file->path, name, note->abi_minor, note->abi_major, note->abi_minor, EP_ABI_MAJOR,
			EP_ABI_MINOR);
	return EP_OK;
}

static bool name_is_sound(const char name[static 40])
{
	size_t length = strnlen(name, 40);

	if (length == 0 || length > 39 || name[0] < 'a' || name[0] > 'z')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
			return false;
	return true;
}

/* Three numbers without leading zeros, then "-" or "+" with letters, digits, dots, hyphens (semver.org, 2.0.0). */
static bool version_is_sound(const char version[static 24])
{
	size_t length = strnlen(version, 24);
	size_t at = 0;

	if (length == 24)
		return false;
	for (int part = 0; part < 3; part++) {
		size_t begin = at;

		while (version[at] >= '0' && version[at] <= '9')
			at++;
		if (at == begin || (version[begin] == '0' && at != begin + 1))
			return false;
		if (part < 2 && version[at++] != '.')
			return false;
	}
	if (version[at] == '\0')
		return true;
	if ((version[at] != '-' && version[at] != '+') || version[at + 1] == '\0')
		return false;
	for (at++; at < length; at++) {
		char byte = version[at];

		if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') && !(byte >= '0' && byte <= '9') &&
			byte != '.' && byte != '-' && byte != '+')
			return false;
	}
	return true;
}

/* Names of RFC 9110 section 5.1 in lower case, one blank between two. */
static bool headers_are_sound(const char headers[static 256])
{
	size_t length = strnlen(headers, 256);
	size_t count = 0;
	bool inside = false;

	if (length == 256 || (length && headers[length - 1] == ' '))
		return false;
	for (size_t i = 0; i < length; i++) {
		char byte = headers[i];

		if (byte == ' ') {
			if (!inside)
				return false;
			inside = false;
			continue;
		}
		if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-' && byte != '_')
			return false;
		count += !inside;
		inside = true;
	}
	return count <= HEADERS_MAX;
}

static enum ep_status take_desc(struct file *file, const char *desc, uint32_t desc_size, struct ep_note *out)
{
	const uint32_t versions_end = offsetof(struct ep_note, kind);
	struct ep_note note = {.size = 0};

	if (desc_size < versions_end)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: the note has %u bytes, needed %u", file->path, desc_size,
			NOTE_V1_BYTES);
	memcpy(&note, desc, desc_size < sizeof(note) ? desc_size : sizeof(note));
	if (check_version(file, &note, desc_size) != EP_OK)
		return EP_BAD_CONFIG;
	if (note.size != desc_size || note.size < NOTE_V1_BYTES)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE,
			"%s: size in the note is %u, the note has %u bytes, interface %u.%u needs %u", file->path,
			note.size, desc_size, EP_ABI_MAJOR, EP_ABI_MINOR, NOTE_V1_BYTES);
	if (!name_is_sound(note.name))
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: name in the note is not [a-z][a-z0-9_]{0,38}", file->path);
	if (!version_is_sound(note.version))
		return REFUSE(file, EP_ERR_PLUGIN_NOTE,
			"%s: %s: version in the note is not a semantic version of at most 23 characters", file->path,
			note.name);
	if (note.kind < EP_KIND_BANK || note.kind > EP_KIND_CUSTOMS)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: %s %s: kind in the note is %u, known are %d to %d",
			file->path, note.name, note.version, note.kind, EP_KIND_BANK, EP_KIND_CUSTOMS);
	if (note.flags & ~(EP_REPEATS_MEANINGFUL | EP_WHOLE_ONLY))
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: %s %s: flags in the note are 0x%x, known are 0x%x",
			file->path, note.name, note.version, note.flags, EP_REPEATS_MEANINGFUL | EP_WHOLE_ONLY);
	if (!headers_are_sound(note.headers))
		return REFUSE(file, EP_ERR_PLUGIN_NOTE,
			"%s: %s %s: headers in the note are not at most %d lower-case names, one blank between two",
			file->path, note.name, note.version, HEADERS_MAX);
	*out = note;
	return EP_OK;
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

/* The notes of one segment. Lengths are 32 bits and `length` is at most NOTES_BYTES_MAX, so 64-bit sums can't wrap. */
static enum ep_status scan_notes(
	struct file *file, const char *bytes, uint64_t length, uint64_t alignment, struct ep_note *note, bool *found)
{
	uint64_t at = 0;

	while (length - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr head;
		uint64_t owner, desc;

		memcpy(&head, bytes + at, sizeof(head));
		owner = at + sizeof(head);
		desc = align_up(owner + head.n_namesz, alignment);
		if (desc > length || head.n_descsz > length - desc)
			return REFUSE(file, EP_ERR_PLUGIN_NOTE,
				"%s: a note's owner (%u bytes) and content (%u bytes) don't fit its segment of %llu "
				"bytes",
				file->path, head.n_namesz, head.n_descsz, (unsigned long long)length);
		if (head.n_namesz == sizeof(EP_NOTE_OWNER) &&
			memcmp(bytes + owner, EP_NOTE_OWNER, sizeof(EP_NOTE_OWNER)) == 0 &&
			head.n_type == EP_NOTE_TYPE) {
			if (*found)
				return REFUSE(
					file, EP_ERR_PLUGIN_NOTE, "%s: two notes of %s", file->path, EP_NOTE_OWNER);
			*found = true;
			if (take_desc(file, bytes + desc, head.n_descsz, note) != EP_OK)
				return EP_BAD_CONFIG;
		}
		at = align_up(desc + head.n_descsz, alignment);
		if (at > length)
			break;
	}
	return EP_OK;
}

static enum ep_status scan_segment(struct file *file, const Elf64_Phdr *segment, struct ep_note *note, bool *found)
{
	enum ep_status status;
	char *bytes;

	if (segment->p_filesz > NOTES_BYTES_MAX)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE, "%s: a note segment of %llu bytes, at most %llu", file->path,
			(unsigned long long)segment->p_filesz, (unsigned long long)NOTES_BYTES_MAX);
	bytes = malloc(segment->p_filesz + 1);
	if (!bytes)
		return error_set(file->error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read %s", file->path);
	status = read_at(file, segment->p_offset, bytes, segment->p_filesz, "a note segment");
	if (status == EP_OK)
		status = scan_notes(file, bytes, segment->p_filesz, segment->p_align == 8 ? 8 : 4, note, found);
	free(bytes);
	return status;
}

/* The loader maps what the headers say, and dies of SIGBUS where the file has less. */
static enum ep_status check_load(struct file *file, const Elf64_Phdr *segment)
{
	if (segment->p_offset > file->size || segment->p_filesz > file->size - segment->p_offset)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE,
			"%s: truncated: a segment has %llu bytes from byte %llu on, the file has %llu", file->path,
			(unsigned long long)segment->p_filesz, (unsigned long long)segment->p_offset,
			(unsigned long long)file->size);
	return EP_OK;
}

static enum ep_status find_note(struct file *file, struct ep_note *note)
{
	enum ep_status status;
	bool found = false;
	Elf64_Ehdr head;

	status = read_head(file, &head);
	for (unsigned i = 0; status == EP_OK && i < head.e_phnum; i++) {
		Elf64_Phdr segment;

		if (head.e_phoff > file->size) /* so that the sum below can't wrap */
			return REFUSE(file, EP_ERR_PLUGIN_NOTE,
				"%s: truncated: program headers at byte %llu, the file has %llu", file->path,
				(unsigned long long)head.e_phoff, (unsigned long long)file->size);
		status = read_at(
			file, head.e_phoff + i * sizeof(segment), &segment, sizeof(segment), "the program headers");
		if (status == EP_OK && segment.p_type == PT_LOAD)
			status = check_load(file, &segment);
		if (status == EP_OK && segment.p_type == PT_NOTE)
			status = scan_segment(file, &segment, note, &found);
	}
	if (status == EP_OK && !found)
		return REFUSE(file, EP_ERR_PLUGIN_NOTE,
			"%s: no note of %s in it: built without EP_PLUGIN_DECLARE? This gateway has interface %u.%u",
			file->path, EP_NOTE_OWNER, EP_ABI_MAJOR, EP_ABI_MINOR);
	return status;
}

enum ep_status note_read(const char *path, struct ep_note *note, struct error *error)
{
	struct file file = {.path = path, .fd = -1, .error = error};
	enum ep_status status;

	*note = (struct ep_note){.size = 0};
	status = open_file(&file);
	if (status == EP_OK)
		status = find_note(&file, note);
	if (status != EP_OK)
		*note = (struct ep_note){.size = 0};
	if (file.fd != -1)
		close(file.fd);
	return status;
}

enum ep_status note_build_id(const char *path, uint64_t *build, struct error *error)
{
	struct file file = {.path = path, .fd = -1, .error = error};
	XXH3_state_t *digest = XXH3_createState();
	enum ep_status status;
	char bytes[16384];

	*build = 0;
	if (!digest)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read %s", path);
	XXH3_64bits_reset(digest);
	status = open_file(&file);
	for (uint64_t at = 0; status == EP_OK && at < file.size; at += sizeof(bytes)) {
		uint64_t length = file.size - at < sizeof(bytes) ? file.size - at : sizeof(bytes);

		status = read_at(&file, at, bytes, length, "the file");
		if (status == EP_OK)
			XXH3_64bits_update(digest, bytes, length);
	}
	if (status == EP_OK)
		*build = XXH3_64bits_digest(digest);
	if (file.fd != -1)
		close(file.fd);
	XXH3_freeState(digest);
	return status;
}
