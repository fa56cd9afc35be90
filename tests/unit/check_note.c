/* check_note.c: notes of sound, old, new, broken and lying plugin files, made byte by byte. */
#include <check.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/note.h"
#include "plugin_image.h"

static char directory[] = "/tmp/check_note.XXXXXX";
static char path[64];
static struct plugin_image image;
static struct ep_note note;
static struct error error;

static void make_image(void)
{
	image = plugin_image_make("acme_bank", "1.2.3-rc.1", EP_KIND_BANK, EP_WHOLE_ONLY);
}

static void write_file(const void *bytes, size_t length)
{
	FILE *file = fopen(path, "wb");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static void refused(const char *text)
{
	ck_assert_int_eq(note_read(path, &note, &error), EP_BAD_CONFIG);
	ck_assert_msg(strstr(error.text, path) != NULL, "the file isn't named: %s", error.text);
	ck_assert_msg(strstr(error.text, text) != NULL, "expected \"%s\" in: %s", text, error.text);
	ck_assert_uint_eq(note.size, 0);
}

static void refused_image(const char *text)
{
	write_file(&image, sizeof(image));
	refused(text);
}

static void set_up(void)
{
	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/p.so", directory);
	make_image();
}

static void tear_down(void)
{
	unlink(path);
	rmdir(directory);
}

START_TEST(sound)
{
	uint64_t build, other;

	write_file(&image, sizeof(image));
	ck_assert_int_eq(note_read(path, &note, &error), EP_OK);
	ck_assert_str_eq(note.name, "acme_bank");
	ck_assert_str_eq(note.version, "1.2.3-rc.1");
	ck_assert_str_eq(note.headers, "x-topic x-shop");
	ck_assert_uint_eq(note.kind, EP_KIND_BANK);
	ck_assert_uint_eq(note.flags, EP_WHOLE_ONLY);
	ck_assert_int_eq(note_build_id(path, &build, &error), EP_OK);
	image.note.desc.kind = EP_KIND_PAYMENT;
	write_file(&image, sizeof(image));
	ck_assert_int_eq(note_build_id(path, &other, &error), EP_OK);
	ck_assert(build != other);
}
END_TEST

START_TEST(not_elf)
{
	const char text[] = "#!/bin/sh\necho not a plugin at all, but long enough for a header of sixty-four bytes\n";

	write_file(text, sizeof(text) - 1);
	refused("not an ELF file");
	write_file("", 0);
	refused("not an ELF file");
	write_file("\177EL", 3);
	refused("not an ELF file");
	unlink(path);
	refused("No such file");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	refused("not a regular file");
	rmdir(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refused("not a regular file");
}
END_TEST

START_TEST(other_class_machine_type)
{
	image.head.e_ident[EI_CLASS] = ELFCLASS32;
	refused_image("ELF class 1 (32-bit), needed 2 (64-bit)");
	make_image();
	image.head.e_ident[EI_DATA] = ELFDATA2MSB;
	refused_image("ELF byte order 2, needed 1");
	make_image();
	image.head.e_machine = EM_RISCV;
	refused_image("ELF machine 243, needed");
	make_image();
	image.head.e_type = ET_EXEC;
	refused_image("ELF type 2, needed 3");
	make_image();
	image.head.e_phentsize = 32;
	refused_image("program headers of 32 bytes");
	make_image();
	image.head.e_phnum = 0xffff;
	refused_image("65535 program headers, at most 256");
}
END_TEST

START_TEST(offsets_out_of_the_file)
{
	image.head.e_phoff = UINT64_MAX - 8;
	refused_image("truncated: program headers at byte");
	make_image();
	image.head.e_phoff = sizeof(image) - 8;
	refused_image("truncated: the program headers needs bytes");
	make_image();
	image.segments[0].p_offset = UINT64_MAX;
	refused_image("truncated: a note segment needs bytes");
	make_image();
	image.segments[0].p_offset = UINT64_MAX - 100;
	refused_image("truncated: a note segment needs bytes");
	make_image();
	image.segments[0].p_filesz++;
	refused_image("truncated: a note segment needs bytes");
	make_image();
	image.segments[0].p_filesz = UINT64_MAX;
	refused_image("a note segment of 18446744073709551615 bytes, at most 65536");
	make_image();
	image.segments[0].p_type = PT_LOAD;
	image.segments[0].p_filesz = sizeof(image);
	refused_image("truncated: a segment has");
	make_image();
	image.note.name_size = UINT32_MAX;
	refused_image("don't fit its segment");
	make_image();
	image.note.desc_size = UINT32_MAX;
	refused_image("don't fit its segment");
	make_image();
	image.note.desc_size++;
	refused_image("don't fit its segment");
}
END_TEST

START_TEST(no_note)
{
	image.segments[0].p_type = PT_LOAD;
	refused_image("no note of entrepot");
	make_image();
	image.note.type = 9;
	refused_image("no note of entrepot");
	make_image();
	memcpy(image.note.owner, "entrepox", 9);
	refused_image("no note of entrepot");
	make_image();
	image.segments[0].p_filesz = 0;
	refused_image("no note of entrepot");
	make_image();
	image.head.e_phnum = 0;
	refused_image("no note of entrepot");
}
END_TEST

START_TEST(other_interface)
{
	image.note.desc.abi_major = 2;
	refused_image("acme_bank: abi_major is 2 (built for interface 2.0), this gateway has interface 1.0");
	ck_assert_int_eq(error.code, EP_ERR_PLUGIN_ABI);
	make_image();
	image.note.desc.abi_minor = EP_ABI_MINOR + 1;
	refused_image("acme_bank: abi_minor is 1 (built for interface 1.1), this gateway has interface 1.0");
	ck_assert_int_eq(error.code, EP_ERR_PLUGIN_ABI);
	make_image();
	image.note.desc.abi_major = 0;
	memset(image.note.desc.name, 0xff, sizeof(image.note.desc.name));
	refused_image("plugin: abi_major is 0");
}
END_TEST

START_TEST(larger_note_of_same_interface)
{
	/* a struct that grew at its end, of a minor that is known */
	struct {
		struct plugin_image image;
		char more[8];
	} grown = {.image = image};

	grown.image.note.desc_size += 8;
	grown.image.note.desc.size += 8;
	grown.image.segments[0].p_filesz += 8;
	write_file(&grown, sizeof(grown));
	ck_assert_int_eq(note_read(path, &note, &error), EP_OK);
	ck_assert_str_eq(note.name, "acme_bank");
	grown.image.note.desc.size -= 8;
	write_file(&grown, sizeof(grown));
	refused("size in the note is 336, the note has 344 bytes");
}
END_TEST

START_TEST(lies)
{
	image.note.desc_size = 4;
	image.note.desc.size = 4;
	refused_image("the note has 4 bytes, needed 336");
	make_image();
	image.note.desc.size = UINT32_MAX;
	refused_image("size in the note is 4294967295");
	make_image();
	memset(image.note.desc.name, 'a', sizeof(image.note.desc.name));
	refused_image("name in the note");
	make_image();
	memcpy(image.note.desc.name, "../x", 5);
	refused_image("name in the note");
	make_image();
	image.note.desc.name[0] = '\0';
	refused_image("name in the note");
	make_image();
	memset(image.note.desc.version, '1', sizeof(image.note.desc.version));
	refused_image("version in the note");
	make_image();
	image.note.desc.kind = 99;
	refused_image("kind in the note is 99, known are 1 to 6");
	make_image();
	image.note.desc.flags = 0x100;
	refused_image("flags in the note are 0x100, known are 0x3");
	make_image();
	memset(image.note.desc.headers, 'x', sizeof(image.note.desc.headers));
	refused_image("headers in the note");
	make_image();
	memcpy(image.note.desc.headers, "X-Topic", 8);
	refused_image("headers in the note");
	make_image();
	memcpy(image.note.desc.headers, "a  b", 5);
	refused_image("headers in the note");
}
END_TEST

START_TEST(versions)
{
	static const char *const good[] = {"0.0.0", "1.0.0", "10.20.30", "1.0.0-alpha.1", "1.0.0+build.5"};
	static const char *const bad[] = {"", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "v1.0.0", "1.0.0-", "1.0.0 "};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(image.note.desc.version, sizeof(image.note.desc.version), "%s", good[i]);
		write_file(&image, sizeof(image));
		ck_assert_msg(note_read(path, &note, &error) == EP_OK, "%s: %s", good[i], error.text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(image.note.desc.version, sizeof(image.note.desc.version), "%s", bad[i]);
		refused_image("version in the note");
	}
}
END_TEST

START_TEST(two_notes)
{
	struct {
		struct plugin_image image;
		struct ep_elf_note second;
	} two = {.image = image, .second = image.note};

	two.image.segments[0].p_filesz += sizeof(two.second);
	write_file(&two, sizeof(two));
	refused("two notes");
}
END_TEST

START_TEST(another_note_first)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segments[1];
		Elf64_Nhdr other;
		char other_name[4], other_desc[4]; /* a desc of 3 bytes is padded */
		struct ep_elf_note note;
	} two = {.head = image.head,
		.segments = {image.segments[0]},
		.other = {4, 3, 7},
		.other_name = "GNU",
		.note = image.note};

	two.segments[0].p_offset = offsetof(typeof(two), other);
	two.segments[0].p_filesz = sizeof(two) - offsetof(typeof(two), other);
	write_file(&two, sizeof(two));
	ck_assert_int_eq(note_read(path, &note, &error), EP_OK);
	ck_assert_str_eq(note.version, "1.2.3-rc.1");
}
END_TEST

/* Any length, any single byte changed: an answer, never a fault (the sanitizers watch the bounds). */
START_TEST(every_truncation_and_byte)
{
	struct plugin_image kept = image;

	for (size_t length = 0; length < sizeof(image); length++) {
		write_file(&image, length);
		ck_assert_int_eq(note_read(path, &note, &error), EP_BAD_CONFIG);
	}
	for (size_t at = 0; at < sizeof(image); at++) {
		for (int change = 0; change < 3; change++) {
			static const unsigned char changes[] = {0x01, 0x80, 0xff};
			enum ep_status status;

			((unsigned char *)&image)[at] ^= changes[change];
			write_file(&image, sizeof(image));
			status = note_read(path, &note, &error);
			ck_assert(status == EP_OK || status == EP_BAD_CONFIG);
			image = kept;
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("note");
	TCase *tests = tcase_create("note");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, sound);
	tcase_add_test(tests, not_elf);
	tcase_add_test(tests, other_class_machine_type);
	tcase_add_test(tests, offsets_out_of_the_file);
	tcase_add_test(tests, no_note);
	tcase_add_test(tests, other_interface);
	tcase_add_test(tests, larger_note_of_same_interface);
	tcase_add_test(tests, lies);
	tcase_add_test(tests, versions);
	tcase_add_test(tests, two_notes);
	tcase_add_test(tests, another_note_first);
	tcase_add_test(tests, every_truncation_and_byte);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
