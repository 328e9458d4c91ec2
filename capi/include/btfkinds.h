/* btfkinds: describe BTF kinds in BTF itself, read BTF whose kinds nobody knows, renumber and rebase it.
 *
 * Rules that hold for every function:
 *
 * - A function that can fail takes `btfkinds_error **err`, which may be NULL. Otherwise *err is set to NULL
 *   if the call went well, and else to an error that the caller frees with btfkinds_error_free(). What *err
 *   was before is not looked at.
 * - Functions that return an int return 0 or more if all went well, else a (negative) btfkinds_status.
 *   Functions that return a pointer to be freed return NULL if they failed. A call that failed has changed
 *   nothing, and has not written to its other out-parameters.
 * - NULL for what is not said to be optional is BTFKINDS_STATUS_ARGUMENT; so is a number that is not in its
 *   enum. Free functions take NULL.
 * - Handles are independent of each other: a base may be freed or changed while BTF that is split on it
 *   lives on (it keeps the base as it was). Pointers into a handle are valid until the handle is freed or
 *   next passed to a function that takes it without const, whether that fails or not.
 * - There is no global state. Several threads may use a handle at once as long as all of them pass it as
 *   const.
 * - Strings are UTF-8 and end with NUL. Data need not be aligned.
 * - A struct that begins with `size` is given by the caller, who sets `size` to its sizeof and all that is
 *   not used to 0: so it can grow. A library that does not know what a newer caller set says so.
 * - BTFKINDS_STATUS_INTERNAL is a bug in this library, which has written about it to standard error. The
 *   process goes on, and the handles of that call are good for nothing but to be freed.
 *
 * All functions are there since version 0.1 unless it says otherwise. */

#ifndef BTFKINDS_H
#define BTFKINDS_H

/* Made by cbindgen from capi/src: see capi/README.md. */

#include <stddef.h>
#include <stdint.h>


// The version of this header: first number.
#define BTFKINDS_VERSION_MAJOR 0

// The version of this header: second number.
#define BTFKINDS_VERSION_MINOR 1

// The version of this header: third number.
#define BTFKINDS_VERSION_PATCH 0

// What an INT's bytes mean.
typedef enum btfkinds_encoding {
    // An unsigned number.
    BTFKINDS_ENCODING_UNSIGNED = 0,
    // A signed number.
    BTFKINDS_ENCODING_SIGNED = 1,
    // A character.
    BTFKINDS_ENCODING_CHAR = 2,
    // A truth value.
    BTFKINDS_ENCODING_BOOL = 3,
} btfkinds_encoding;

// How a function or variable is linked.
typedef enum btfkinds_linkage {
    // Known to its own file alone.
    BTFKINDS_LINKAGE_STATIC = 0,
    // Defined here for all.
    BTFKINDS_LINKAGE_GLOBAL = 1,
    // Defined elsewhere.
    BTFKINDS_LINKAGE_EXTERN = 2,
} btfkinds_linkage;

// Whether a blob is standalone or split, and how that is known.
typedef enum btfkinds_numbering {
    // Standalone: its origin record says so.
    BTFKINDS_NUMBERING_STANDALONE_BY_ORIGIN = 1,
    // Standalone: its strings start with NUL, and all its references are its own.
    BTFKINDS_NUMBERING_STANDALONE_BY_REFERENCES = 2,
    // Standalone, since the caller says so.
    BTFKINDS_NUMBERING_STANDALONE_TOLD = 3,
    // Split: its origin record names a base.
    BTFKINDS_NUMBERING_SPLIT_BY_ORIGIN = 16,
    // Split: it has no strings, or they do not start with NUL.
    BTFKINDS_NUMBERING_SPLIT_BY_STRINGS = 17,
    // Split, by renumbering: its strings start with NUL, but references reach past its own.
    BTFKINDS_NUMBERING_SPLIT_BY_REFERENCES = 18,
    // Split, since the caller says so.
    BTFKINDS_NUMBERING_SPLIT_TOLD = 19,
} btfkinds_numbering;

// Where descriptions are put.
typedef enum btfkinds_place {
    // Behind all types: no id changes.
    BTFKINDS_PLACE_BACK = 0,
    // Before the first record of a kind above the released ones, else before all types, for readers
    // that go through the types once. What follows is renumbered.
    BTFKINDS_PLACE_FRONT = 1,
} btfkinds_place;

// Which released kinds to describe in a base or in standalone BTF. Kinds that are not released are
// described wherever records have them.
typedef enum btfkinds_select {
    // All of them.
    BTFKINDS_SELECT_ALL = 0,
    // Those that records have, and those that the descriptions themselves are made of.
    BTFKINDS_SELECT_USED = 1,
    // None.
    BTFKINDS_SELECT_NONE = 2,
} btfkinds_select;

// Where the knowledge of a kind came from.
typedef enum btfkinds_source {
    // The table of released kinds.
    BTFKINDS_SOURCE_RELEASED = 0,
    // A description among the types.
    BTFKINDS_SOURCE_DESCRIPTION = 1,
    // The header's layout section: sizes only.
    BTFKINDS_SOURCE_LAYOUT = 2,
    // The base.
    BTFKINDS_SOURCE_BASE = 3,
    // The caller.
    BTFKINDS_SOURCE_GIVEN = 4,
    // Another place, that this version of the C API has no name for.
    BTFKINDS_SOURCE_OTHER = 5,
} btfkinds_source;

// What functions return that return an int: 0 or more, or what sort of thing went wrong.
typedef enum btfkinds_status {
    // All went well.
    BTFKINDS_STATUS_OK = 0,
    // An argument that cannot be: NULL, no UTF-8, a number that is not in its enum.
    BTFKINDS_STATUS_ARGUMENT = -1,
    // The caller's buffer is too small.
    BTFKINDS_STATUS_BUFFER = -2,
    // There is no memory for the result.
    BTFKINDS_STATUS_MEMORY = -3,
    // A bug in this library.
    BTFKINDS_STATUS_INTERNAL = -4,
    // Not BTF at all, or a header or section that cannot be right.
    BTFKINDS_STATUS_HEADER = -10,
    // A type record that cannot be right.
    BTFKINDS_STATUS_RECORD = -11,
    // A record of a kind whose size no source gives: see btfkinds_error_kind().
    BTFKINDS_STATUS_UNKNOWN_KIND = -12,
    // A type id or string offset that points nowhere.
    BTFKINDS_STATUS_REFERENCE = -13,
    // Split BTF read without its base, or with one that it was not made for.
    BTFKINDS_STATUS_BASE = -14,
    // A kind description that is malformed, or two that disagree.
    BTFKINDS_STATUS_DESCRIPTION = -15,
    // An edit that would pass a limit of the format, or lose or guess something.
    BTFKINDS_STATUS_EDIT = -16,
    // A kind file that does not follow its grammar.
    BTFKINDS_STATUS_KIND_FILE = -17,
    // What should be a kernel version is none.
    BTFKINDS_STATUS_VERSION = -18,
    // The operating system said no.
    BTFKINDS_STATUS_IO = -19,
    // An ELF file that cannot be read.
    BTFKINDS_STATUS_ELF = -20,
    // What this version of the C API has no name for.
    BTFKINDS_STATUS_OTHER = -99,
} btfkinds_status;

// What the third word of a record is.
typedef enum btfkinds_third {
    // Not used, or not known.
    BTFKINDS_THIRD_UNUSED = 0,
    // The size of the type, in bytes.
    BTFKINDS_THIRD_SIZE = 1,
    // A type id.
    BTFKINDS_THIRD_ID = 2,
} btfkinds_third;

// What the caller says of a blob's numbering.
typedef enum btfkinds_told {
    // Nothing: it is found out.
    BTFKINDS_TOLD_NOTHING = 0,
    // It is standalone.
    BTFKINDS_TOLD_STANDALONE = 1,
    // It is split.
    BTFKINDS_TOLD_SPLIT = 2,
} btfkinds_told;

// What one 4-byte word of a record is.
typedef enum btfkinds_word_class {
    // A plain number.
    BTFKINDS_WORD_CLASS_U32 = 0,
    // A plain number with a sign.
    BTFKINDS_WORD_CLASS_S32 = 1,
    // A type id.
    BTFKINDS_WORD_CLASS_ID = 2,
    // A string offset.
    BTFKINDS_WORD_CLASS_STR = 3,
    // Not known: only the sizes of this kind's records are.
    BTFKINDS_WORD_CLASS_UNKNOWN = 4,
} btfkinds_word_class;

// One BTF blob: standalone, or split on a base.
typedef struct btfkinds_btf btfkinds_btf;

// What went wrong, and where.
typedef struct btfkinds_error btfkinds_error;

// A base, prepared for any number of btfkinds_rebase().
typedef struct btfkinds_base_index btfkinds_base_index;

// BTF made of types of other BTF, and where each of them went.
typedef struct btfkinds_moved btfkinds_moved;

// Near misses of one btfkinds_rebase().
typedef struct btfkinds_near_misses btfkinds_near_misses;

// How to read a blob. NULL in place of it: standalone, with released kinds and what the blob says of
// others.
typedef struct btfkinds_parse_options {
    // sizeof of this struct.
    size_t size;
    // What the blob is split on; NULL: nothing.
    const struct btfkinds_btf *base;
    // Kinds that the caller knows, each as the text of a kind file: `kind 42 GADGET`, ...
    const char *const *kinds;
    // How many of them.
    size_t kinds_len;
    // A btfkinds_told, for btfkinds_parse_as_it_is(), btfkinds_numbering_of() and
    // btfkinds_renumber_blob().
    uint32_t told;
    // 0.
    uint32_t reserved;
} btfkinds_parse_options;

// One word of a kind's fixed part or of its elements. This struct does not grow.
typedef struct btfkinds_field {
    // Its name; "" where only sizes are known.
    const char *name;
    // A btfkinds_word_class.
    uint32_t word_class;
    // 0.
    uint32_t reserved;
} btfkinds_field;

// A kind: its number and name, and what the words of its records are. Later versions may have more at
// the end.
typedef struct btfkinds_kind {
    // Its number.
    uint32_t number;
    // What the third word is: a btfkinds_third.
    uint32_t third;
    // Whether the classes of the words are known: 1 or 0. If not, only sizes are.
    uint32_t classes_known;
    // Where this is known from: a btfkinds_source.
    uint32_t source;
    // Its name, without BTF_KIND_.
    const char *name;
    // The first kernel that knows it, such as "5.13"; NULL if it is not released.
    const char *since;
    // Where this is known from, in words.
    const char *source_text;
    // The words after the header, there once.
    const struct btfkinds_field *fixed;
    // How many of them.
    size_t fixed_len;
    // The words of one element, there vlen times.
    const struct btfkinds_field *elements;
    // How many of them.
    size_t elements_len;
} btfkinds_kind;

// One type. Filled by btfkinds_type_by_id(); all that it points to belongs to the handle.
typedef struct btfkinds_type {
    // sizeof of this struct, set by the caller.
    size_t size;
    // The type's id.
    uint32_t id;
    // The number of its kind.
    uint32_t kind;
    // Bit 31 of its info: 1 or 0.
    uint32_t kind_flag;
    // Bits 0 to 23 of its info: the number of elements (FUNC: the linkage).
    uint32_t vlen;
    // The third word: a size or a type id, or unused.
    uint32_t size_or_type;
    // The offset of its name.
    uint32_t name_off;
    // Its name; "" if it has none.
    const char *name;
    // The name of its kind, such as "STRUCT", whoever it is known from.
    const char *kind_name;
    // What is known of its kind.
    const struct btfkinds_kind *kind_info;
    // All words of the record, the three of the header first.
    const uint32_t *words;
    // How many of them.
    size_t words_len;
} btfkinds_type;

// A type to be added, by its words.
typedef struct btfkinds_new_type {
    // sizeof of this struct.
    size_t size;
    // Its name; NULL for none.
    const char *name;
    // The fixed words and the elements; string offsets in them come from btfkinds_intern().
    const uint32_t *words;
    // How many words.
    size_t words_len;
    // The number of its kind; one that is not released must be known: see btfkinds_add_kind().
    uint32_t kind;
    // Bit 31 of its info: 1 or 0.
    uint32_t kind_flag;
    // The number of elements (FUNC: the linkage).
    uint32_t vlen;
    // The third word: a size or a type id, or unused.
    uint32_t size_or_type;
} btfkinds_new_type;

// A member of a struct or union. This struct does not grow.
typedef struct btfkinds_member {
    // Its name; NULL for an anonymous struct or union.
    const char *name;
    // The id of its type.
    uint32_t type_id;
    // Where it starts, in bits from the start of the struct.
    uint32_t bits_offset;
    // How many bits a bitfield has; 0 for what is none.
    uint32_t bitfield_size;
    // 0.
    uint32_t reserved;
} btfkinds_member;

// A value of an enum. This struct does not grow.
typedef struct btfkinds_enum_value {
    // Its name.
    const char *name;
    // Its value; in an unsigned enum it is taken for a uint64_t.
    int64_t value;
} btfkinds_enum_value;

// A parameter of a function. This struct does not grow.
typedef struct btfkinds_param {
    // Its name; NULL for none.
    const char *name;
    // The id of its type.
    uint32_t type_id;
    // 0.
    uint32_t reserved;
} btfkinds_param;

// A variable in a section. This struct does not grow.
typedef struct btfkinds_section_var {
    // The id of the VAR, or of the FUNC for an extern function.
    uint32_t type_id;
    // Where it is, in bytes from the start of the section.
    uint32_t offset;
    // Its size in bytes.
    uint32_t size;
} btfkinds_section_var;

// What to describe, and where. NULL in place of it is the same as zeros: all released kinds, at the
// back.
typedef struct btfkinds_describe_options {
    // sizeof of this struct.
    size_t size;
    // Of the released kinds, only those that a kernel of this version does not know: "5.2". NULL: all.
    const char *newer_than;
    // A btfkinds_select.
    uint32_t select;
    // A btfkinds_place.
    uint32_t place;
    // 1: add a record that says that the blob is standalone, as modules need it. 0: don't. It is the
    // last type, so this comes after all others. Not for split BTF.
    uint32_t origin;
    // 0.
    uint32_t reserved;
} btfkinds_describe_options;

// How references into a blob that has grown have to move: type ids from ids_from on by ids_by, string
// offsets from strs_from on by strs_by; 0 stays 0. This struct does not grow.
typedef struct btfkinds_shift {
    // The first type id that moves.
    uint32_t ids_from;
    // By how much type ids move.
    uint32_t ids_by;
    // The first string offset that moves.
    uint32_t strs_from;
    // By how much string offsets move.
    uint32_t strs_by;
} btfkinds_shift;

// What describing did.
typedef struct btfkinds_described {
    // sizeof of this struct, set by the caller.
    size_t size;
    // By how many bytes types and strings grew together.
    size_t bytes;
    // How many kinds have a description now and had none.
    uint32_t kinds;
    // How many kinds in use can't be described, since nothing says what their words are.
    uint32_t without_classes;
    // How many types were added, an origin record not counted.
    uint32_t types;
    // The first of them.
    uint32_t first_id;
    // Whether an origin record was added: 1 or 0.
    uint32_t origin;
    // 0.
    uint32_t reserved;
    // How BTF that is split on this blob has to move, and what else holds ids of it (`.BTF_ids`).
    struct btfkinds_shift shift;
} btfkinds_described;

// What a blob says of its own numbering, by the enum `__BTF_ORIGIN` at its end.
typedef struct btfkinds_origin {
    // sizeof of this struct, set by the caller.
    size_t size;
    // How it came to have the record. 0: it is truly split; 1: it was encoded with it; 2: renumbering
    // added it; 4 more: `.BTF_ids` was filled by renumbering.
    uint32_t standalone;
    // The type count of the base it is numbered for, void included; 0: for none.
    uint32_t base_types;
    // The end of that base's strings.
    uint32_t base_strs;
    // CRC-32 (IEEE) of that base's bytes.
    uint32_t base_crc32;
} btfkinds_origin;

// A type that was kept though the base has one of the same name and nearly the same shape, as if it
// came from other headers. Filled by btfkinds_near_misses_get(); all that it points to belongs to the
// list.
typedef struct btfkinds_near_miss {
    // sizeof of this struct, set by the caller.
    size_t size;
    // The number of its kind.
    uint32_t kind;
    // Its id in the standalone BTF.
    uint32_t own_id;
    // The id of the base's type of that name that is most like it.
    uint32_t base_id;
    // Its size in bytes; 0 for functions.
    uint32_t own_size;
    // The size of the base's.
    uint32_t base_size;
    // 0.
    uint32_t reserved;
    // Its name.
    const char *name;
    // It as C.
    const char *own_text;
    // The base's as C.
    const char *base_text;
    // The names on the way from a function of the module to it, in lines; "" if no function reaches
    // it.
    const char *reached;
} btfkinds_near_miss;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library that is linked, such as "0.1.0". Static.
const char *btfkinds_version(void);

// What sort of error it is: what the function returned, or would have if it returned an int. 0 for
// NULL.
int btfkinds_error_status(const struct btfkinds_error *err);

// The message: one line that names the place. Valid until the error is freed; "" for NULL.
const char *btfkinds_error_message(const struct btfkinds_error *err);

// What to do about it, or NULL. Valid until the error is freed.
const char *btfkinds_error_help(const struct btfkinds_error *err);

// The number of the kind that is not known, for BTFKINDS_STATUS_UNKNOWN_KIND; else -1.
int btfkinds_error_kind(const struct btfkinds_error *err);

// The id of the type that the error is about, or 0.
uint32_t btfkinds_error_type_id(const struct btfkinds_error *err);

// Where it is, in bytes from the start of the BTF blob, or -1.
int64_t btfkinds_error_offset(const struct btfkinds_error *err);

// Frees an error. NULL is fine.
void btfkinds_error_free(struct btfkinds_error *err);

// Empty standalone BTF in the machine's byte order. The caller frees it with btfkinds_free().
struct btfkinds_btf *btfkinds_new(struct btfkinds_error ** err);

// Empty BTF that is split on a base. The caller frees it with btfkinds_free().
struct btfkinds_btf *btfkinds_new_split(const struct btfkinds_btf *base,
                                        struct btfkinds_error ** err);

// Reads a blob: standalone without options or without a base in them, else split on that base. All
// that is in it was checked then: sizes, type ids, string offsets. The data is copied. The caller
// frees the result with btfkinds_free().
//
// Errors: HEADER, RECORD, UNKNOWN_KIND, REFERENCE, BASE, DESCRIPTION, KIND_FILE.
struct btfkinds_btf *btfkinds_parse(const void *data,
                                    size_t len,
                                    const struct btfkinds_parse_options *options,
                                    struct btfkinds_error ** err);

// Reads a blob as what it is, as btfkinds_numbering_of() finds it: standalone BTF stays so even if a
// base is given, and BTF whose origin record names another base than the one given is not read on
// that. Else as btfkinds_parse().
struct btfkinds_btf *btfkinds_parse_as_it_is(const void *data,
                                             size_t len,
                                             const struct btfkinds_parse_options *options,
                                             struct btfkinds_error ** err);

// Frees a blob. NULL is fine.
void btfkinds_free(struct btfkinds_btf *btf);

// What a blob is split on, as a handle of its own that the caller frees with btfkinds_free(); NULL if
// it is standalone (*err is NULL then). Of portable BTF, its bytes are what belongs into `.BTF.base`.
struct btfkinds_btf *btfkinds_base(const struct btfkinds_btf *btf,
                                   struct btfkinds_error ** err);

// The blob's bytes, in its own byte order; their length goes into *len. They belong to the handle, and
// are the bytes that were read if nothing was changed. NULL if it failed.
const void *btfkinds_raw_data(const struct btfkinds_btf *btf,
                              size_t *len,
                              struct btfkinds_error ** err);

// The length of what btfkinds_raw_data() gives; 0 for NULL.
size_t btfkinds_raw_size(const struct btfkinds_btf *btf);

// Copies the blob's bytes to a buffer of `len` bytes. If that is less than btfkinds_raw_size(),
// nothing is written, and it is BTFKINDS_STATUS_BUFFER.
int btfkinds_raw_copy(const struct btfkinds_btf *btf,
                      void *buffer,
                      size_t len,
                      struct btfkinds_error ** err);

// How many type ids there are, void (0) and the base's included: own types have the ids from
// btfkinds_first_id() to this less 1. 0 for NULL.
uint32_t btfkinds_type_count(const struct btfkinds_btf *btf);

// The id of the first own type: 1, or the base's type count. 0 for NULL.
uint32_t btfkinds_first_id(const struct btfkinds_btf *btf);

// The length of the own string section in bytes. 0 for NULL.
size_t btfkinds_string_len(const struct btfkinds_btf *btf);

// Whether the blob has the other byte order than this machine: 1 or 0. Words and numbers that this
// library gives and takes have the machine's order in any case.
int btfkinds_is_foreign_endian(const struct btfkinds_btf *btf);

// The string at an offset, of the blob or its base; it belongs to the handle. NULL if there is none.
const char *btfkinds_string(const struct btfkinds_btf *btf,
                            uint32_t offset);

// The lowest id of a type of this kind (a BTF_KIND_ of linux/btf.h, or 0 for any) and name, of the
// blob or its base. 0 if there is none.
int btfkinds_find(const struct btfkinds_btf *btf,
                  uint32_t kind,
                  const char *name,
                  struct btfkinds_error ** err);

// The offset of a string, which is added if neither the blob nor its base has it. NULL is the empty
// string, whose offset is 0.
//
// Errors: EDIT if the offset would pass the format's limit, or if the blob can be read, not edited.
int btfkinds_intern(struct btfkinds_btf *btf, const char *string, struct btfkinds_error ** err);

// Makes a kind known that is not released, from the text of a kind file, so that types of it can be
// added and described. Its number is returned.
//
// Errors: KIND_FILE; EDIT if it is known with other words.
int btfkinds_add_kind(struct btfkinds_btf *btf, const char *kind, struct btfkinds_error ** err);

// Checks that every type id in the blob's own types is there: types may be added before those that
// they refer to. Do this when all are added.
//
// Errors: REFERENCE.
int btfkinds_check_references(const struct btfkinds_btf *btf, struct btfkinds_error ** err);

// Looks for signs that split BTF was made for another base: a name that does not start where a string
// starts. Finding none is no proof that the base is the right one.
//
// Errors: BASE.
int btfkinds_check_base(const struct btfkinds_btf *btf,
                        struct btfkinds_error ** err);

// A kind by its number, if it is released, or the blob or its base has records of it; it belongs to
// the handle. NULL if it is not known.
const struct btfkinds_kind *btfkinds_kind_by_number(const struct btfkinds_btf *btf,
                                                    uint32_t number);

// What the word at this position of a record is, from 0, the three of the header first: a
// btfkinds_word_class. A record with n elements has 3 + fixed_len + n * elements_len words.
//
// Errors: ARGUMENT if records of this kind can't have that many words.
int btfkinds_word_class_at(const struct btfkinds_kind *kind, size_t at);

// Fills *out with a type, of the blob or its base, whether its kind is released or not. out->size must
// be set. To go through a blob's own types, count from btfkinds_first_id() up to
// btfkinds_type_count().
//
// Errors: ARGUMENT for void (0) and ids past the end.
int btfkinds_type_by_id(const struct btfkinds_btf *btf,
                        uint32_t id,
                        struct btfkinds_type *out,
                        struct btfkinds_error ** err);

// Adds a type of any kind behind all others, and returns its id. Type ids in it may be of types that
// are added later.
//
// Errors: EDIT if the kind is not known, if there are not as many words as it and vlen say, if a limit
// of the format would be passed, or if the blob can be read, not edited.
int btfkinds_add_type(struct btfkinds_btf *btf,
                      const struct btfkinds_new_type *record,
                      struct btfkinds_error ** err);

// INT of `size` bytes: 1, 2, 4, 8 or 16. `encoding` is a btfkinds_encoding.
//
// This and all functions btfkinds_add_...() return the id of the new type. Ids that they are given may
// be of types that are added later: see btfkinds_check_references(). Arrays may be NULL if they are
// empty.
//
// Errors: EDIT for what a record of the kind cannot say, else as btfkinds_add_type().
int btfkinds_add_int(struct btfkinds_btf *btf,
                     const char *name,
                     uint32_t size,
                     uint32_t encoding,
                     struct btfkinds_error ** err);

// FLOAT of `size` bytes: 2, 4, 8, 12 or 16.
int btfkinds_add_float(struct btfkinds_btf *btf,
                       const char *name,
                       uint32_t size,
                       struct btfkinds_error ** err);

// PTR to a type; 0 for void.
int btfkinds_add_ptr(struct btfkinds_btf *btf, uint32_t type_id, struct btfkinds_error ** err);

// CONST.
int btfkinds_add_const(struct btfkinds_btf *btf, uint32_t type_id, struct btfkinds_error ** err);

// VOLATILE.
int btfkinds_add_volatile(struct btfkinds_btf *btf, uint32_t type_id, struct btfkinds_error ** err);

// RESTRICT.
int btfkinds_add_restrict(struct btfkinds_btf *btf, uint32_t type_id, struct btfkinds_error ** err);

// TYPEDEF.
int btfkinds_add_typedef(struct btfkinds_btf *btf,
                         const char *name,
                         uint32_t type_id,
                         struct btfkinds_error ** err);

// TYPE_TAG: a tag on the type that a pointer leads to.
int btfkinds_add_type_tag(struct btfkinds_btf *btf,
                          const char *name,
                          uint32_t type_id,
                          struct btfkinds_error ** err);

// DECL_TAG: a tag on a struct, union, function, variable or typedef, or on one of its members or
// parameters: `component` counts from 0; -1 is the declaration itself.
int btfkinds_add_decl_tag(struct btfkinds_btf *btf,
                          const char *name,
                          uint32_t type_id,
                          int32_t component,
                          struct btfkinds_error ** err);

// ARRAY of `length` elements, counted by an INT.
int btfkinds_add_array(struct btfkinds_btf *btf,
                       uint32_t element_id,
                       uint32_t index_id,
                       uint32_t length,
                       struct btfkinds_error ** err);

// STRUCT of `size` bytes; anonymous if the name is NULL.
int btfkinds_add_struct(struct btfkinds_btf *btf,
                        const char *name,
                        uint32_t size,
                        const struct btfkinds_member *members,
                        size_t members_len,
                        struct btfkinds_error ** err);

// UNION of `size` bytes; anonymous if the name is NULL.
int btfkinds_add_union(struct btfkinds_btf *btf,
                       const char *name,
                       uint32_t size,
                       const struct btfkinds_member *members,
                       size_t members_len,
                       struct btfkinds_error ** err);

// ENUM of `size` bytes, whose values have 32 bits; anonymous if the name is NULL. `is_signed` is 1 or
// 0.
int btfkinds_add_enum(struct btfkinds_btf *btf,
                      const char *name,
                      uint32_t size,
                      int is_signed,
                      const struct btfkinds_enum_value *values,
                      size_t values_len,
                      struct btfkinds_error ** err);

// ENUM64 of `size` bytes, whose values have 64 bits; else as ENUM.
int btfkinds_add_enum64(struct btfkinds_btf *btf,
                        const char *name,
                        uint32_t size,
                        int is_signed,
                        const struct btfkinds_enum_value *values,
                        size_t values_len,
                        struct btfkinds_error ** err);

// FWD: a struct, or a union if `is_union` is 1, that is defined elsewhere.
int btfkinds_add_fwd(struct btfkinds_btf *btf,
                     const char *name,
                     int is_union,
                     struct btfkinds_error ** err);

// FUNC_PROTO: what a function returns (0 for void) and takes; `is_variadic` is 1 for `...` at the end,
// else 0.
int btfkinds_add_func_proto(struct btfkinds_btf *btf,
                            uint32_t return_id,
                            const struct btfkinds_param *params,
                            size_t params_len,
                            int is_variadic,
                            struct btfkinds_error ** err);

// FUNC, of a FUNC_PROTO. `linkage` is a btfkinds_linkage.
int btfkinds_add_func(struct btfkinds_btf *btf,
                      const char *name,
                      uint32_t proto_id,
                      uint32_t linkage,
                      struct btfkinds_error ** err);

// VAR. `linkage` is a btfkinds_linkage.
int btfkinds_add_var(struct btfkinds_btf *btf,
                     const char *name,
                     uint32_t type_id,
                     uint32_t linkage,
                     struct btfkinds_error ** err);

// DATASEC: a section of `size` bytes and the variables in it, in the order of their offsets.
int btfkinds_add_datasec(struct btfkinds_btf *btf,
                         const char *name,
                         uint32_t size,
                         const struct btfkinds_section_var *vars,
                         size_t vars_len,
                         struct btfkinds_error ** err);

// Describes kinds, as ordinary types of the blob. A base or standalone blob gets the released kinds
// that the options select and all others that its records have; split BTF only the latter, where its
// base does not describe them. What is there already is used: describing twice changes nothing.
// `options` may be NULL, and so may `done`, in which done->size must be set.
//
// Errors: EDIT if a limit of the format would be passed, or if the blob can be read, not edited;
// VERSION.
int btfkinds_describe(struct btfkinds_btf *btf,
                      const struct btfkinds_describe_options *options,
                      struct btfkinds_described *done,
                      struct btfkinds_error ** err);

// Describes kinds in BTF bytes, such as btf__raw_data() of libbpf gives: reads them as
// btfkinds_parse() does with `parse`, describes as btfkinds_describe() does, and leaves the new bytes
// in *out and their length in *out_len. The caller frees them with btfkinds_free_bytes(). `parse`,
// `options` and `done` may be NULL.
//
// Errors: those of these two functions.
int btfkinds_describe_blob(const void *data,
                           size_t len,
                           const struct btfkinds_parse_options *parse,
                           const struct btfkinds_describe_options *options,
                           void **out,
                           size_t *out_len,
                           struct btfkinds_described *done,
                           struct btfkinds_error ** err);

// Descriptions alone, as the bytes of standalone BTF to begin an encoding with: an encoder reads them
// (with btfkinds_parse(), or btf__new() of libbpf) and adds its types behind them, so that readers
// that go through the types once know each kind before its first record. The kinds are those that
// `options` select, which may be NULL, and those of `kinds`, texts of kind files, which may be NULL if
// `kinds_len` is 0. The caller frees *out with btfkinds_free_bytes().
//
// Errors: KIND_FILE; VERSION; ARGUMENT if an origin record is asked for, which must be the last type.
int btfkinds_descriptions(const struct btfkinds_describe_options *options,
                          const char *const *kinds,
                          size_t kinds_len,
                          void **out,
                          size_t *out_len,
                          struct btfkinds_error ** err);

// Whether a blob is standalone or split, whatever base is at hand: a btfkinds_numbering. `options` may
// be NULL. Where the file has a `.BTF.base` section this does not matter: then its `.BTF` is split on
// that.
//
// Errors: those of btfkinds_parse(), if the blob cannot be read.
int btfkinds_numbering_of(const void *data,
                          size_t len,
                          const struct btfkinds_parse_options *options,
                          struct btfkinds_error ** err);

// Whether a btfkinds_numbering is one of standalone BTF: 1 or 0.
int btfkinds_numbering_is_standalone(int numbering);

// Fills *out with the origin record of a blob's bytes and returns 1, or returns 0 if there is none.
// The record is found without reading anything else. out->size must be set.
int btfkinds_origin_of(const void *data,
                       size_t len,
                       struct btfkinds_origin *out,
                       struct btfkinds_error ** err);

// Whether the origin record of a blob names this base: 1 or 0. 0 also if it has none.
int btfkinds_is_numbered_for(const struct btfkinds_btf *btf, const struct btfkinds_btf *base);

// Renumbers standalone BTF for a base, so that a kernel takes it as split BTF on that base. Types stay
// what they are: copies of the base's types do not become the base's own (for that see
// btfkinds_rebase()). An origin record at the end names the base. The caller frees the result with
// btfkinds_free().
//
// Errors: EDIT if it is split, if there are records of a kind of which only sizes are known, or if a
// limit of the format would be passed.
struct btfkinds_btf *btfkinds_renumber(const struct btfkinds_btf *standalone,
                                       const struct btfkinds_btf *base,
                                       struct btfkinds_error ** err);

// Renumbers standalone BTF for a tiny base of its own, which kernels from 6.11 relocate to whatever
// they are: the bytes of btfkinds_base() of the result belong into `.BTF.base`. Else as
// btfkinds_renumber().
struct btfkinds_btf *btfkinds_renumber_portable(const struct btfkinds_btf *standalone,
                                                struct btfkinds_error ** err);

// The same for bytes: renumbers them for `base`, or, if that is NULL, for a tiny base of its own whose
// bytes go into *base_out, for `.BTF.base`. `parse` may be NULL. `base_out` and `base_out_len` may be
// NULL if there is a base; else they are set to NULL and 0 then. The caller frees both results with
// btfkinds_free_bytes().
int btfkinds_renumber_blob(const void *data,
                           size_t len,
                           const struct btfkinds_parse_options *parse,
                           const struct btfkinds_btf *base,
                           void **out,
                           size_t *out_len,
                           void **base_out,
                           size_t *base_out_len,
                           struct btfkinds_error ** err);

// Gives renumbered BTF its standalone form back, byte for byte; the base is not needed. `options` may
// be NULL. The caller frees the result with btfkinds_free().
//
// Errors: EDIT if it has no origin record or was never standalone, else as btfkinds_parse().
struct btfkinds_btf *btfkinds_restore(const void *data,
                                      size_t len,
                                      const struct btfkinds_parse_options *options,
                                      struct btfkinds_error ** err);

// Moves split BTF along with its base, which has become `base`: types and strings were added to it as
// `shift` says (see btfkinds_described). The caller frees the result with btfkinds_free().
//
// Errors: EDIT, as btfkinds_renumber().
struct btfkinds_btf *btfkinds_follow_base(const struct btfkinds_btf *split,
                                          const struct btfkinds_shift *shift,
                                          const struct btfkinds_btf *base,
                                          struct btfkinds_error ** err);

// Prepares a base, which may be freed then. The caller frees the result with
// btfkinds_base_index_free().
struct btfkinds_base_index *btfkinds_base_index_new(const struct btfkinds_btf *base,
                                                    struct btfkinds_error ** err);

// Frees a prepared base. NULL is fine.
void btfkinds_base_index_free(struct btfkinds_base_index *index);

// Makes standalone BTF split on a base: each of its types that is a type of the base becomes that, the
// others follow behind the base. Functions that are named in `own_functions` stay (those that
// `.BTF_ids` names, which the kernel looks for in the module); it may be NULL if `own_functions_len`
// is 0. An origin record at the end names the base. The caller frees the result with
// btfkinds_moved_free().
//
// Errors: EDIT if it is split, has records of a kind of which only sizes are known, or if a limit of
// the format would be passed; BASE if the base has the other byte order.
struct btfkinds_moved *btfkinds_rebase(const struct btfkinds_base_index *index,
                                       const struct btfkinds_btf *standalone,
                                       const char *const *own_functions,
                                       size_t own_functions_len,
                                       struct btfkinds_error ** err);

// Makes split BTF standalone: its own types and every type of the base that they, or `roots`, reach.
// `roots` may be NULL if `roots_len` is 0. The caller frees the result with btfkinds_moved_free().
//
// Errors: EDIT, as btfkinds_rebase().
struct btfkinds_moved *btfkinds_flatten(const struct btfkinds_btf *split,
                                        const uint32_t *roots,
                                        size_t roots_len,
                                        struct btfkinds_error ** err);

// Puts split BTF on a distilled base, from which kernels from 6.11 find the types again in whatever
// base they have: the bytes of btfkinds_base() of the result's BTF belong into `.BTF.base`. `roots`
// are types of the base that come along; it may be NULL if `roots_len` is 0. The caller frees the
// result with btfkinds_moved_free().
//
// Errors: BASE if it has no base; EDIT, as btfkinds_rebase().
struct btfkinds_moved *btfkinds_distill(const struct btfkinds_btf *split,
                                        const uint32_t *roots,
                                        size_t roots_len,
                                        struct btfkinds_error ** err);

// Moves BTF that is split on a distilled base (`.BTF.base`) to a real one, as kernels from 6.11 do it.
// The caller frees the result with btfkinds_free().
//
// Errors: BASE if the BTF has no distilled base, or if what that stands for is not in `base`.
struct btfkinds_btf *btfkinds_relocate(const struct btfkinds_btf *split,
                                       const struct btfkinds_btf *base,
                                       struct btfkinds_error ** err);

// The new BTF, as a handle of its own that the caller frees with btfkinds_free().
struct btfkinds_btf *btfkinds_moved_btf(const struct btfkinds_moved *moved,
                                        struct btfkinds_error ** err);

// Where a type went: its new id; -1 if it is not there any more, or never was.
int btfkinds_moved_id(const struct btfkinds_moved *moved, uint32_t old);

// Of btfkinds_rebase(): how many types have become the base's. 0 for others.
size_t btfkinds_moved_of_base(const struct btfkinds_moved *moved);

// How many types of its own the new BTF has, the origin record not among them.
size_t btfkinds_moved_own(const struct btfkinds_moved *moved);

// Frees it. NULL is fine.
void btfkinds_moved_free(struct btfkinds_moved *moved);

// Finds near misses of what btfkinds_rebase() gave, with the same index. The caller frees the list
// with btfkinds_near_misses_free().
//
// Errors: ARGUMENT if `moved` is not of btfkinds_rebase().
struct btfkinds_near_misses *btfkinds_near_misses_new(const struct btfkinds_base_index *index,
                                                      const struct btfkinds_moved *moved,
                                                      struct btfkinds_error ** err);

// How many there are. 0 for NULL.
size_t btfkinds_near_misses_len(const struct btfkinds_near_misses *misses);

// Fills *out with one of them, counted from 0. out->size must be set.
int btfkinds_near_misses_get(const struct btfkinds_near_misses *misses,
                             size_t at,
                             struct btfkinds_near_miss *out,
                             struct btfkinds_error ** err);

// Frees the list. NULL is fine.
void btfkinds_near_misses_free(struct btfkinds_near_misses *misses);

// Frees bytes that a function left in `*out`. NULL is fine.
void btfkinds_free_bytes(void *bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BTFKINDS_H */
