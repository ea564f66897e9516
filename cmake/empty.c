/* The objects come from the folders; a library target needs one source of its own. */
typedef int om_empty_translation_unit;
